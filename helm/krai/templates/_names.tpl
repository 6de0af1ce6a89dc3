{{/* One release in a namespace, so names need nothing of the release's: krai-api is krai-api everywhere. */}}

{{- define "krai.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: krai
{{ include "krai.selector" . }}
{{- end }}

{{- define "krai.selector" -}}
app.kubernetes.io/name: krai
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "krai.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* A Google service account; without one of its own, <name>@<project>. Takes (list $ own name). */}}
{{- define "krai.googleAccount" -}}
{{- $root := index . 0 -}}
{{ index . 1 | default (printf "%s@%s.iam.gserviceaccount.com" (index . 2) (include "krai.project" $root)) }}
{{- end }}

{{- define "krai.project" -}}
{{ required "google.project: mode gcp needs the project (Terraform's output project_id)" .Values.google.project }}
{{- end }}

{{- define "krai.scheme" -}}
{{- if and (eq .Values.expose.type "ingress") (not .Values.expose.ingress.tls) }}http{{ else }}https{{ end -}}
{{- end }}

{{- define "krai.isGcp" -}}
{{- if eq .Values.mode "gcp" }}true{{ end -}}
{{- end }}

{{- define "krai.usesKeda" -}}
{{- if and (include "krai.isGcp" .) (ne .Values.worker.scaling.trigger "none") }}true{{ end -}}
{{- end }}

{{/* MiB: what the jobs may use, and 768 for the worker itself and its warm children. */}}
{{- define "krai.workerMemory" -}}
{{ add 768 (mul (int .Values.worker.slots) (int .Values.worker.jobMemoryMb)) }}
{{- end }}
