"""What the manifests are held against tells right from wrong: each kind is accepted as it should be, and refused with a field misspelt."""

import copy
from typing import Any

import pytest

from tests.deploy.manifests import Manifest, problems, read

# A manifest of each kind, and what its field is that gets misspelt.
EXAMPLES: dict[str, tuple[str, ...]] = {
    """
    apiVersion: v1
    kind: Service
    metadata: {name: a}
    spec: {selector: {a: b}, ports: [{port: 80, targetPort: http}]}
    """: ("spec", "ports", "0", "targetPort"),
    """
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: a}
    spec:
      selector: {matchLabels: {a: b}}
      template:
        metadata: {labels: {a: b}}
        spec: {containers: [{name: a, image: b, securityContext: {readOnlyRootFilesystem: true}}]}
    """: ("spec", "template", "spec", "containers", "0", "securityContext", "readOnlyRootFilesystem"),
    """
    apiVersion: keda.sh/v1alpha1
    kind: ScaledObject
    metadata: {name: a}
    spec: {scaleTargetRef: {name: b}, cooldownPeriod: 60, triggers: [{type: prometheus, metadata: {threshold: "5"}}]}
    """: ("spec", "cooldownPeriod"),
    """
    apiVersion: keda.sh/v1alpha1
    kind: TriggerAuthentication
    metadata: {name: a}
    spec: {podIdentity: {provider: gcp}}
    """: ("spec", "podIdentity", "provider"),
    """
    apiVersion: external-secrets.io/v1
    kind: SecretStore
    metadata: {name: a}
    spec: {provider: {gcpsm: {projectID: p}}}
    """: ("spec", "provider", "gcpsm", "projectID"),
    """
    apiVersion: external-secrets.io/v1
    kind: ExternalSecret
    metadata: {name: a}
    spec: {secretStoreRef: {name: a}, target: {name: b, creationPolicy: Owner}, data: [{secretKey: a, remoteRef: {key: b}}]}
    """: ("spec", "data", "0", "remoteRef", "key"),
    """
    apiVersion: argoproj.io/v1alpha1
    kind: Application
    metadata: {name: a}
    spec:
      project: a
      destination: {namespace: a, server: b}
      source: {repoURL: a, path: b, helm: {valuesObject: {any: {thing: 1}}}}
      syncPolicy: {automated: {prune: true, selfHeal: true}}
    """: ("spec", "syncPolicy", "automated", "selfHeal"),
    """
    apiVersion: argoproj.io/v1alpha1
    kind: ApplicationSet
    metadata: {name: a}
    spec:
      generators: [{git: {repoURL: a, revision: b, files: [{path: c}]}}]
      template: {metadata: {name: a}, spec: {project: a, destination: {namespace: a}, source: {repoURL: a, path: b}}}
    """: ("spec", "generators", "0", "git", "revision"),
    """
    apiVersion: argoproj.io/v1alpha1
    kind: AppProject
    metadata: {name: a}
    spec: {sourceRepos: [a], destinations: [{namespace: a, server: b}]}
    """: ("spec", "sourceRepos"),
    """
    apiVersion: gateway.networking.k8s.io/v1
    kind: HTTPRoute
    metadata: {name: a}
    spec: {parentRefs: [{name: a}], hostnames: [a.example.com], rules: [{backendRefs: [{name: a, port: 80}]}]}
    """: ("spec", "rules", "0", "backendRefs", "0", "port"),
    """
    apiVersion: monitoring.coreos.com/v1
    kind: PodMonitor
    metadata: {name: a}
    spec: {selector: {matchLabels: {a: b}}, podMetricsEndpoints: [{port: metrics, interval: 30s}]}
    """: ("spec", "podMetricsEndpoints", "0", "interval"),
    """
    apiVersion: monitoring.coreos.com/v1
    kind: ServiceMonitor
    metadata: {name: a}
    spec: {selector: {matchLabels: {a: b}}, endpoints: [{port: metrics}]}
    """: ("spec", "endpoints"),
    """
    apiVersion: monitoring.coreos.com/v1
    kind: PrometheusRule
    metadata: {name: a}
    spec: {groups: [{name: a, rules: [{alert: A, expr: up == 0, for: 5m, labels: {severity: page}}]}]}
    """: ("spec", "groups", "0", "rules", "0", "for"),
    """
    apiVersion: monitoring.googleapis.com/v1
    kind: PodMonitoring
    metadata: {name: a}
    spec: {selector: {matchLabels: {a: b}}, endpoints: [{port: metrics, interval: 30s}]}
    """: ("spec", "endpoints", "0", "interval"),
    """
    apiVersion: monitoring.googleapis.com/v1
    kind: Rules
    metadata: {name: a}
    spec: {groups: [{name: a, rules: [{alert: A, expr: up == 0, for: 5m}, {record: a:b, expr: up}]}]}
    """: ("spec", "groups", "0", "rules", "0", "for"),
    """
    apiVersion: cert-manager.io/v1
    kind: Certificate
    metadata: {name: a}
    spec: {secretName: a, issuerRef: {name: b, kind: ClusterIssuer}, dnsNames: [a.example.com]}
    """: ("spec", "dnsNames"),
    """
    apiVersion: networking.gke.io/v1
    kind: HealthCheckPolicy
    metadata: {name: a}
    spec:
      targetRef: {group: "", kind: Service, name: a}
      default: {config: {type: HTTP, httpHealthCheck: {port: 8080, requestPath: /readyz}}}
    """: ("spec", "default", "config", "httpHealthCheck", "requestPath"),
}
WRONG = {
    "a type": "{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, metadata: {name: a}, spec: {scaleTargetRef: {name: b}, triggers: [{"
    "type: a, metadata: {threshold: 5}}]}}",
    "a missing field": "{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, metadata: {name: a}, spec: {triggers: []}}",
    "a word": "{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: a}, spec: {target: {creationPolicy: owner}}}",
    "a pattern": "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: a}, spec: {hostnames: ['not a host']}}",
    "a kind nobody has": "{apiVersion: keda.sh/v1alpha1, kind: ScaledThing, metadata: {name: a}}",
    "a kind that Kubernetes does not have": "{apiVersion: apps/v1, kind: Thing, metadata: {name: a}}",
    "a group nobody has": "{apiVersion: example.com/v1, kind: Service, metadata: {name: a}, spec: {}}",
    "a group that looks like another": "{apiVersion: apps.example.com/v1, kind: Deployment, metadata: {name: a}}",
    "a version that is gone": "{apiVersion: autoscaling/v2beta2, kind: HorizontalPodAutoscaler, metadata: {name: a}}",
}


def misspelt(manifest: Manifest, path: tuple[str, ...]) -> Manifest:
    changed = copy.deepcopy(manifest)
    at: Any = changed
    for step in path[:-1]:
        at = at[int(step)] if step.isdigit() else at[step]
    at[f"{path[-1]}s"] = copy.deepcopy(at[path[-1]])
    return changed


@pytest.fixture(scope="module")
def judged() -> dict[str, list[str]]:
    """What is wrong with each: as it is, misspelt, and the wrong ones."""
    cases: dict[str, Manifest] = {what: read(text)[0] for what, text in WRONG.items()}
    for text, path in EXAMPLES.items():
        (manifest,) = read(text)
        cases[manifest["kind"]] = manifest
        cases[f"{manifest['kind']} misspelt"] = misspelt(manifest, path)
    return dict(zip(cases, problems(list(cases.values())), strict=True))


KINDS = {read(text)[0]["kind"]: path[-1] for text, path in EXAMPLES.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_good_one_is_accepted(judged: dict[str, list[str]], kind: str) -> None:
    assert judged[kind] == []


@pytest.mark.parametrize(("kind", "field"), KINDS.items())
def test_a_field_that_it_does_not_have_is_refused(judged: dict[str, list[str]], kind: str, field: str) -> None:
    """Though the right one is there too."""
    assert any(f"{field}s" in problem for problem in judged[f"{kind} misspelt"]), judged[f"{kind} misspelt"]


@pytest.mark.parametrize("what", WRONG)
def test_other_mistakes_are_refused(judged: dict[str, list[str]], what: str) -> None:
    assert judged[what]


def test_a_key_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="'a' stands twice"):
        read("kind: x\nspec: {a: 1, b: 2, a: 3}\n")
