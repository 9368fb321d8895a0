"""How good an animation is: errors in millimetres and coefficients, emotion accuracy, and the baselines to beat."""
