"""Read-only views over `EventReader`: what the API answers and the command prints."""
