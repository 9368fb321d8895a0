"""Where everything comes from that this project is installed with: locks, licences."""
