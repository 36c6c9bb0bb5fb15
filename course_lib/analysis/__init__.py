"""What networks and operators do, in numbers: one question a module."""
