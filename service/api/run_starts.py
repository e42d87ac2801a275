"""How often runs are asked for: a flood is told to wait before it costs anything."""

import threading
import time
from collections import OrderedDict, deque

from service import limits
from service.errors import TooManyRuns

KEPT_PROJECTS = 1_000


class RunStarts:
    """Counts the recent starts of each project's runs, also those that were refused, in this process."""

    def __init__(self) -> None:
        self._recent: OrderedDict[int, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def count(self, project_id: int) -> None:
        """Counts a start.

        Raises:
            TooManyRuns: there have been too many.
        """
        now = time.monotonic()
        with self._lock:
            recent = self._recent.setdefault(project_id, deque())
            self._recent.move_to_end(project_id)
            if len(self._recent) > KEPT_PROJECTS:
                self._recent.popitem(last=False)
            while recent and now - recent[0] > limits.RUN_STARTS_SECONDS:
                recent.popleft()
            if len(recent) >= limits.MAX_RUN_STARTS:
                raise TooManyRuns
            recent.append(now)
