"""What happens to an output when something is taken out of a frame, or held where it was."""
