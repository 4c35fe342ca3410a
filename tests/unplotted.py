"""icepyx without drawing and reading, which take it seconds to import and are no concern of ours.

To be imported before icepyx. One command of the README runs with all of it.
"""

import sys
from types import ModuleType


def leave_out(name: str, **has: object) -> None:
    """Have `import` find an empty module of this name, unless the real one is there."""
    module = ModuleType(name)
    vars(module).update(has)
    sys.modules.setdefault(name, module)


leave_out("icepyx.core.read", Read=None)
leave_out("icepyx.core.visualization", Visualize=None)
if "download" in sys.orig_argv:  # a process that draws nothing itself
    leave_out("matplotlib")
    leave_out("matplotlib.pyplot")
