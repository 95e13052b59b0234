"""Every way in from a terminal or a parent process: command lines and workers. Nobody imports this room."""
