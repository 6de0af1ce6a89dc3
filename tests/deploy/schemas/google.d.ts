// Google's managed Prometheus has no package. These are the fields that krai's charts use, named after its reference page; any other is
// refused until it stands here.
import type { IIoK8sApimachineryPkgApisMetaV1LabelSelector as LabelSelector } from '@kubernetes-models/apimachinery/apis/meta/v1/LabelSelector'
import type { IIoK8sApimachineryPkgApisMetaV1ObjectMeta as ObjectMeta } from '@kubernetes-models/apimachinery/apis/meta/v1/ObjectMeta'

type PodLabel = 'container' | 'node' | 'pod' | 'top_level_controller_name' | 'top_level_controller_type'

export interface IPodMonitoring {
  apiVersion: 'monitoring.googleapis.com/v1'
  kind: 'PodMonitoring'
  metadata: ObjectMeta
  spec: {
    selector: LabelSelector
    endpoints: { port: number | string; interval: string; path?: string; scheme?: 'http' | 'https'; timeout?: string }[]
    targetLabels?: { metadata?: PodLabel[]; fromPod?: { from: string; to?: string }[] }
    limits?: { samples?: number; labels?: number; labelNameLength?: number; labelValueLength?: number }
    filterRunning?: boolean
  }
}

interface Alert {
  alert: string
  record?: undefined
  expr: string
  for?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
}

interface Recording {
  alert?: undefined
  for?: undefined
  record: string
  expr: string
  labels?: Record<string, string>
}

export interface IRules {
  apiVersion: 'monitoring.googleapis.com/v1'
  kind: 'Rules'
  metadata: ObjectMeta
  spec: { groups: { name: string; interval?: string; rules: (Alert | Recording)[] }[] }
}
