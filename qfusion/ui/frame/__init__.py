"""What stands around every page: navigation, pickers, links, sessions, caches."""
