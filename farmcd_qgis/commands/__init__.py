"""Every way in from a terminal or a parent process.

Nobody else imports this package: what a process sets before it imports torch is set here, once.
"""

from ..networks.prepare import prepare

prepare()
