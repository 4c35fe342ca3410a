"""icepyx without its plotting, which takes it ten seconds to import and is no concern of ours.

To be imported before icepyx. The README's commands run with all of it.
"""

import sys
from types import ModuleType

plotting = ModuleType("icepyx.core.visualization")
plotting.Visualize = None
sys.modules.setdefault(plotting.__name__, plotting)
