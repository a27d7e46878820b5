{{/* The name that everything of the release begins with. */}}
{{- define "timberline.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 45 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 45 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What selects the pods of a component: never changes between versions. Takes the root and `component`. */}}
{{- define "timberline.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* All labels of a component. */}}
{{- define "timberline.labels" -}}
{{ include "timberline.selector" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/part-of: timberline
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 }}
{{- end -}}

{{- define "timberline.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{- define "timberline.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "timberline.fullname" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end -}}

{{/* The node's configuration: the operator's, with what the chart must know put over it. */}}
{{- define "timberline.nodeConfig" -}}
{{- $name := include "timberline.fullname" . -}}
{{- $names := list $name (printf "%s.%s" $name .Release.Namespace) (printf "%s.%s.svc" $name .Release.Namespace) (printf "%s.%s.svc.cluster.local" $name .Release.Namespace) -}}
{{- $config := deepCopy (.Values.node.config | default dict) -}}
{{- $server := $config.server | default dict -}}
{{- $hosts := concat ($server.allowed_hosts | default list) $names | uniq -}}
{{- with $server.grpc_tls -}}
{{- $_ := set . "names" (concat (.names | default list) $names | uniq) -}}
{{- end -}}
{{- /* Within the cluster the port speaks plain text unless it is told otherwise; what is before it ends TLS. */ -}}
{{- if not (hasKey $server "http_tls") -}}
{{- $_ := set $server "allow_login_without_tls" true -}}
{{- end -}}
{{- $server = mergeOverwrite $server (dict "http" "0.0.0.0:7700" "grpc" "0.0.0.0:4317" "allowed_hosts" $hosts) -}}
{{- $config = mergeOverwrite $config (dict "data" "/data" "server" $server) -}}
{{- include "timberline.toml" (dict "path" "" "table" $config) -}}
{{- end -}}

{{/* Whether the node's gRPC port speaks TLS: `off`, `server` or `mutual`. */}}
{{- define "timberline.grpcTls" -}}
{{- $server := (.Values.node.config | default dict).server | default dict -}}
{{- ($server.grpc_tls | default dict).mode | default "off" -}}
{{- end -}}

{{/* Where the agents find the node. They enroll if it speaks TLS, and cannot if it does not. */}}
{{- define "timberline.collector" -}}
{{- $tls := include "timberline.grpcTls" . -}}
{{- if and (eq $tls "off") .Values.agent.enroll.tokenSecret -}}
{{- fail "agent.enroll.tokenSecret is set, but the node speaks plain text: set node.config.server.grpc_tls.mode to mutual" -}}
{{- end -}}
{{- if and (ne $tls "off") (not .Values.agent.enroll.tokenSecret) -}}
{{- fail (printf "node.config.server.grpc_tls.mode is %s, but the agents have no token: set agent.enroll.tokenSecret, or agent.enabled to false" $tls) -}}
{{- end -}}
{{- printf "%s://%s.%s.svc:4317" (ternary "http" "https" (eq $tls "off")) (include "timberline.fullname" .) .Release.Namespace -}}
{{- end -}}

{{/* The agents' configuration. */}}
{{- define "timberline.agentConfig" -}}
{{- $collector := include "timberline.collector" . -}}
{{- $config := deepCopy (.Values.agent.config | default dict) -}}
{{- $agent := $config.agent | default dict -}}
{{- $tail := $agent.tail | default (list "/var/log/pods/*/*/*.log" "/var/log/*.log") -}}
{{- $agent = mergeOverwrite $agent (dict "collector" $collector "tail" $tail) -}}
{{- $config = mergeOverwrite $config (dict "data" "/data" "host" "${NODE_NAME}" "agent" $agent) -}}
{{- include "timberline.toml" (dict "path" "" "table" $config) -}}
{{- end -}}

{{/*
A map as TOML: plain keys first, then tables, then arrays of tables. Helm's own toToml writes 3 as 3.0,
which is another type. A JSON text is a TOML text for strings, whole numbers, booleans and lists of them.
Takes `table`, and `path`: the header so far.
*/}}
{{- define "timberline.toml" -}}
{{- $path := .path -}}
{{- range $key, $value := .table -}}
{{- if not (or (kindIs "map" $value) (kindIs "invalid" $value) (include "timberline.isTables" $value)) -}}
{{ include "timberline.tomlKey" $key }} = {{ $value | toJson }}
{{ end -}}
{{- end -}}
{{- range $key, $value := .table -}}
{{- $inner := include "timberline.tomlKey" $key -}}
{{- if $path -}}{{- $inner = printf "%s.%s" $path $inner -}}{{- end -}}
{{- if kindIs "map" $value }}
[{{ $inner }}]
{{ include "timberline.toml" (dict "path" $inner "table" $value) -}}
{{- else if include "timberline.isTables" $value -}}
{{- range $value }}
[[{{ $inner }}]]
{{ include "timberline.toml" (dict "path" $inner "table" .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Whether a value is a list of maps. */}}
{{- define "timberline.isTables" -}}
{{- if and (kindIs "slice" .) . -}}{{- if kindIs "map" (first .) -}}yes{{- end -}}{{- end -}}
{{- end -}}

{{- define "timberline.tomlKey" -}}
{{- if regexMatch "^[A-Za-z0-9_-]+$" . -}}{{ . }}{{- else -}}{{ . | toJson }}{{- end -}}
{{- end -}}
