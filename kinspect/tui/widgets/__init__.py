"""The shared parts of the screen, named after what the person sees."""
