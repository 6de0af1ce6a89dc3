{{/* A number as it is written, for Go would make 1e+06 of a million; on and off as krai has them, which YAML reads as true and false. */}}
{{- define "krai.text" -}}
{{- if kindIs "string" . }}{{ . }}{{ else if kindIs "bool" . }}{{ ternary "on" "off" . }}{{ else }}{{ toJson . }}{{ end -}}
{{- end }}

{{/* Settings that API, workers and sweep have in common. */}}
{{- define "krai.environment" -}}
- name: KRAI_DATA_DIR
  value: /data
- name: KRAI_LOG
  value: json
{{- if include "krai.isGcp" . }}
- name: GOOGLE_CLOUD_PROJECT
  value: {{ include "krai.project" . | quote }}
- name: GCS_BUCKET
  value: {{ required "google.bucket: mode gcp needs the bucket (Terraform's output gcs_bucket)" .Values.google.bucket | quote }}
- name: KRAI_FIRESTORE_DATABASE
  value: {{ .Values.google.firestoreDatabase | quote }}
- name: PUBSUB_TOPIC
  value: {{ .Values.pubsub.topic | quote }}
- name: PUBSUB_SUBSCRIPTION
  value: {{ .Values.pubsub.subscription | quote }}
- name: KRAI_DEAD_LETTER_TOPIC
  value: {{ .Values.pubsub.deadLetterTopic | quote }}
{{- end }}
- name: KRAI_QUOTA_QUEUED
  value: {{ include "krai.text" .Values.limits.queuedJobs | quote }}
- name: KRAI_QUOTA_RUNNING
  value: {{ include "krai.text" .Values.limits.runningJobs | quote }}
- name: KRAI_QUOTA_GIB_PER_DAY
  value: {{ include "krai.text" .Values.limits.gibPerDay | quote }}
{{- range $name, $value := .Values.settings }}
- name: {{ $name }}
  value: {{ include "krai.text" $value | quote }}
{{- end }}
{{- end }}

{{/* Those of the API alone. */}}
{{- define "krai.apiEnvironment" -}}
- name: KRAI_HOST
  value: 0.0.0.0
- name: PORT
  value: "8080"
- name: CUSTOMER_NAME
  value: {{ .Values.customer.name | quote }}
{{- with .Values.customer.greeting }}
- name: KRAI_CUSTOMER_GREETING
  value: {{ . | quote }}
{{- end }}
{{- with .Values.host }}
- name: KRAI_PUBLIC_URL
  value: {{ printf "%s://%s" (include "krai.scheme" $) . | quote }}
{{- end }}
{{- with .Values.trustedProxies }}
- name: KRAI_TRUSTED_PROXIES
  value: {{ join "," . | quote }}
{{- end }}
{{- with .Values.corsOrigins }}
- name: CORS_ORIGINS
  value: {{ join "," . | quote }}
{{- end }}
- name: KRAI_RATE_LIMIT_CREATE
  value: {{ include "krai.text" .Values.limits.create | quote }}
- name: KRAI_RATE_LIMIT_READ
  value: {{ include "krai.text" .Values.limits.read | quote }}
{{- with .Values.google.clientId }}
- name: GOOGLE_CLIENT_ID
  value: {{ . | quote }}
{{- end }}
{{- if and (include "krai.isGcp" .) .Values.google.identities }}
- name: KRAI_SIGNER_SERVICE_ACCOUNT
  value: {{ include "krai.googleAccount" (list . .Values.google.signerServiceAccount "krai-signer") | quote }}
{{- end }}
{{- end }}

{{/* Those of workers, and of the API where it has one beside it. */}}
{{- define "krai.workerEnvironment" -}}
- name: KRAI_SLOTS
  value: {{ .Values.worker.slots | quote }}
- name: KRAI_CHILD_MEMORY_MB
  value: {{ .Values.worker.jobMemoryMb | quote }}
- name: KRAI_GRACE_S
  value: {{ .Values.worker.graceS | quote }}
- name: KRAI_SAMPLES
  value: {{ ternary "on" "off" .Values.samples | quote }}
{{- end }}

{{/* The secrets of `secrets.keys` that a process needs. Takes (list $ those-it-does-not-need). The API holds no credentials of the
     warehouse, a worker none of those who sign in. */}}
{{- define "krai.secretEnvironment" -}}
{{- $root := index . 0 }}
{{- $other := index . 1 }}
{{- range $name, $_ := $root.Values.secrets.keys }}
{{- if not (has $name $other) }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef:
      name: krai
      key: {{ $name }}
{{- end }}
{{- end }}
{{- end }}

{{- define "krai.notOfTheApi" -}}
{{- if include "krai.isGcp" . }}KRAI_WAREHOUSE_URL KRAI_ICEBERG_CREDENTIAL{{ end -}}
{{- end }}

{{- define "krai.notOfTheWorker" -}}
API_KEY GOOGLE_CLIENT_SECRET KRAI_OIDC_ISSUERS KRAI_RATE_LIMIT_STORAGE
{{- end }}
