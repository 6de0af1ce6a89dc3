"""What KEDA and the HorizontalPodAutoscaler it makes do with a ScaledObject: how many workers there are to be, as the metric says.

KEDA hands the metric on as an AverageValue, so the autoscaler wants ceil(metric / target) pods, unless that is within a tenth of what there
is (https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#algorithm-details). More come at once, up to four or
as many as there are; fewer only as far as all that was wanted within the stabilization window allows. From and to none is KEDA's own.
"""

import math
from collections import deque
from dataclasses import dataclass
from typing import Self

from tests.deploy.manifests import Manifest

TOLERANCE = 0.1
STEP_UP = 4
DEFAULT_WINDOW_S = 300
TARGETS = ("threshold", "targetValue", "value")  # of the triggers prometheus, metrics-api and gcp-pubsub


@dataclass(frozen=True)
class Scaling:
    """What a ScaledObject says."""

    target: float
    least: int
    most: int
    polling_s: float
    cooldown_s: float  # from one to none
    window_s: float  # from many to fewer

    @classmethod
    def read(cls, scaled_object: Manifest) -> Self:
        spec = scaled_object["spec"]
        (trigger,) = spec["triggers"]
        (target,) = [float(trigger["metadata"][name]) for name in TARGETS if name in trigger["metadata"]]
        behavior = spec.get("advanced", {}).get("horizontalPodAutoscalerConfig", {}).get("behavior", {})
        return cls(
            target=target,
            least=spec["minReplicaCount"],
            most=spec["maxReplicaCount"],
            polling_s=spec["pollingInterval"],
            cooldown_s=spec["cooldownPeriod"],
            window_s=behavior.get("scaleDown", {}).get("stabilizationWindowSeconds", DEFAULT_WINDOW_S),
        )

    def wanted(self, metric: float, workers: int) -> int:
        """By the metric alone, between the least and the most; at least one, for a HorizontalPodAutoscaler knows no zero."""
        least = max(1, self.least)
        if workers and abs(1 - metric / (self.target * workers)) <= TOLERANCE:
            return max(least, min(workers, self.most))
        return max(least, min(math.ceil(metric / self.target), self.most))


class Autoscaler:
    """Asked once a poll; remembers what it wanted."""

    def __init__(self, scaling: Scaling) -> None:
        self.scaling = scaling
        self._wanted: deque[tuple[float, int]] = deque()
        self._active_at = -math.inf

    def workers(self, metric: float, workers: int, now_s: float) -> int:
        """How many there are to be from now on, of so many that there are."""
        if metric > 0:
            self._active_at = now_s
        if workers == 0:
            return max(self.scaling.least, 1 if metric > 0 else 0)
        self._wanted.append((now_s, self.scaling.wanted(metric, workers)))
        while self._wanted[0][0] < now_s - self.scaling.window_s:
            self._wanted.popleft()
        latest = self._wanted[-1][1]
        if latest > workers:
            return min(latest, max(2 * workers, workers + STEP_UP))
        if self.scaling.least == 0 and metric <= 0 and now_s - self._active_at >= self.scaling.cooldown_s:
            return 0
        return min(workers, max(count for _, count in self._wanted))
