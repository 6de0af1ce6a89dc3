{{/* What Pod Security's profile `restricted` asks of a pod, and of a container. The image's user is 10001. */}}
{{- define "krai.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "krai.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Where pods run. Takes (list $ values-of-the-pods component). */}}
{{- define "krai.placement" -}}
{{- $root := index . 0 }}
{{- $pods := index . 1 -}}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    # A new version is spread by itself, whatever still runs of the old one.
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- include "krai.selector" $root | nindent 8 }}
        app.kubernetes.io/component: {{ index $ 2 }}
  {{- end }}
{{- include "krai.scheduling" (list $root $pods) }}
{{- end }}

{{- define "krai.scheduling" -}}
{{- $root := index . 0 }}
{{- $pods := index . 1 }}
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with $pods.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pods.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pods.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* CPU is requested and not capped, for a cap only makes idle cores wait; memory is both. Takes (dict cpu memoryMb). */}}
{{- define "krai.resources" -}}
requests:
  cpu: {{ .cpu | quote }}
  memory: {{ .memoryMb }}Mi
limits:
  memory: {{ .memoryMb }}Mi
{{- end }}
