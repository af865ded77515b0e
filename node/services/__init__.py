"""The use cases, one file per family; they know ports and domain, nothing outside."""
