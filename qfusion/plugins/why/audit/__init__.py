"""Whether the quantum resources of a model matter: cut from it, and against trained twins that lack one."""
