"""Speech as it is spoken becomes a face: frames come out while samples go in. See `Animator.stream`."""
