"""Core banking systems: behind the common envelope over HTTPS, and a trial one."""
