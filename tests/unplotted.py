"""icepyx without its plotting, which takes it ten seconds to import and is no concern of ours.

To be imported before icepyx. One command of the README runs with all of it.
"""

import sys
from types import ModuleType

plotting = ModuleType("icepyx.core.visualization")
plotting.Visualize = None
sys.modules.setdefault(plotting.__name__, plotting)
