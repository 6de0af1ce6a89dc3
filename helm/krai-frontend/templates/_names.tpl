{{/* One release in a namespace, so names need nothing of the release's. */}}

{{- define "frontend.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: krai
{{ include "frontend.selector" . }}
{{- end }}

{{/* On the API's host the API has all else. */}}
{{- define "frontend.path" -}}
{{- if .Values.dashboard.apiUrl }}/{{ else }}/ui{{ end -}}
{{- end }}

{{- define "frontend.selector" -}}
app.kubernetes.io/name: krai-frontend
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
