"""What changes or removes event logs on somebody's word; each deed is an event log itself."""
