{{/* What all applications have in common. */}}

{{- define "apps.destination" -}}
destination:
  server: https://kubernetes.default.svc
  namespace: {{ . }}
{{- end }}

{{/* Whatever differs from git is put back, and what is gone from git goes. A sync that fails is tried again for about half an hour: an operator
     whose webhook does not answer yet, a kind that is not there yet. */}}
{{- define "apps.syncPolicy" -}}
syncPolicy:
  automated:
    prune: true
    selfHeal: true
  managedNamespaceMetadata:
    labels:
      pod-security.kubernetes.io/enforce: restricted
      pod-security.kubernetes.io/warn: restricted
  syncOptions:
    - CreateNamespace=true
    # A kind whose operator comes with the same commit is no mistake.
    - SkipDryRunOnMissingResource=true
    # CRDs are larger than the annotation that a client would keep them in.
    - ServerSideApply=true
    - PruneLast=true
  retry:
    limit: 10
    backoff:
      duration: 10s
      factor: 2
      maxDuration: 5m
{{- end }}

{{/* Compared as the API server would have it, defaults filled in: an ExternalSecret gets some, and would never be in sync. */}}
{{- define "apps.compare" -}}
argocd.argoproj.io/compare-options: ServerSideDiff=true
{{- end }}

{{/* Where alerts find what to do: in this repository, as it is where it runs from. */}}
{{- define "apps.runbooks" -}}
{{ regexReplaceAll "^(ssh://)?git@([^:/]+)[:/]" (trimSuffix ".git" .Values.repoURL) "https://${2}/" }}/blob/{{ .Values.revision }}/docs/runbooks
{{- end }}
