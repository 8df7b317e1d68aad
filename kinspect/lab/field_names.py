"""The fields that objects may have, kind by kind: how a server knows a slip of the pen from a field.

A line is a type: its fields, each with name and type. `[]` is a list, `{}` a map from string; the fields of
`any` are not looked at. Names and types are those of generated.proto in k8s.io/api and k8s.io/apimachinery
(1.36).
"""

from __future__ import annotations

_TEXT = """
Namespace: metadata ObjectMeta; spec any; status any
ConfigMap: metadata ObjectMeta; immutable bool; data {}string; binaryData any
Secret: metadata ObjectMeta; immutable bool; data any; stringData {}string; type string
ServiceAccount: metadata ObjectMeta; secrets any; imagePullSecrets any; automountServiceAccountToken bool
Service: metadata ObjectMeta; spec ServiceSpec; status any
Endpoints: metadata ObjectMeta; subsets []EndpointSubset
Pod: metadata ObjectMeta; spec PodSpec; status any
Node: metadata ObjectMeta; spec NodeSpec; status NodeStatus
NodeSpec: podCIDR string; podCIDRs []string; providerID string; unschedulable bool; taints any; \
configSource any; externalID string
NodeStatus: capacity {}string; allocatable {}string; phase string; conditions []NodeCondition; addresses \
[]NodeAddress; daemonEndpoints any; nodeInfo any; images any; volumesInUse any; volumesAttached any; \
config any; runtimeHandlers any; features any; declaredFeatures any
NodeCondition: type string; status string; lastHeartbeatTime any; lastTransitionTime any; reason string; \
message string
NodeAddress: type string; address string
Event: metadata ObjectMeta; involvedObject ObjectReference; reason string; message string; source any; \
firstTimestamp any; lastTimestamp any; count int32; type string; eventTime any; series any; action string; \
related any; reportingComponent string; reportingInstance string
ObjectReference: kind string; namespace string; name string; uid string; apiVersion string; \
resourceVersion string; fieldPath string
HTTPGetAction: path string; port IntOrString; host string; scheme string; httpHeaders any
TCPSocketAction: port IntOrString; host string
ServiceSpec: ports []ServicePort; selector {}string; clusterIP string; clusterIPs []string; type string; \
externalIPs []string; sessionAffinity string; loadBalancerIP string; loadBalancerSourceRanges []string; \
externalName string; externalTrafficPolicy string; healthCheckNodePort int32; publishNotReadyAddresses \
bool; sessionAffinityConfig SessionAffinityConfig; ipFamilies []string; ipFamilyPolicy string; \
allocateLoadBalancerNodePorts bool; loadBalancerClass string; internalTrafficPolicy string; \
trafficDistribution string
ServicePort: name string; protocol string; appProtocol string; port int32; targetPort IntOrString; \
nodePort int32
SessionAffinityConfig: clientIP ClientIPConfig
ClientIPConfig: timeoutSeconds int32
EndpointSubset: addresses []EndpointAddress; notReadyAddresses []EndpointAddress; ports []EndpointPort
EndpointAddress: ip string; hostname string; nodeName string; targetRef any
EndpointPort: name string; port int32; protocol string; appProtocol string
PodSpec: volumes any; initContainers []Container; containers []Container; ephemeralContainers any; \
restartPolicy string; terminationGracePeriodSeconds int64; activeDeadlineSeconds int64; dnsPolicy string; \
nodeSelector {}string; serviceAccountName string; serviceAccount string; automountServiceAccountToken \
bool; nodeName string; hostNetwork bool; hostPID bool; hostIPC bool; shareProcessNamespace bool; \
securityContext any; imagePullSecrets any; hostname string; subdomain string; affinity any; schedulerName \
string; tolerations any; hostAliases []HostAlias; priorityClassName string; priority int32; dnsConfig \
PodDNSConfig; readinessGates any; runtimeClassName string; enableServiceLinks bool; preemptionPolicy \
string; overhead any; topologySpreadConstraints any; setHostnameAsFQDN bool; os any; hostUsers bool; \
schedulingGates any; resourceClaims any; resources any; hostnameOverride string; schedulingGroup any
Container: name string; image string; command []string; args []string; workingDir string; ports \
[]ContainerPort; envFrom any; env []EnvVar; resources any; resizePolicy any; restartPolicy string; \
restartPolicyRules any; volumeMounts any; volumeDevices any; livenessProbe Probe; readinessProbe Probe; \
startupProbe Probe; lifecycle any; terminationMessagePath string; terminationMessagePolicy string; \
imagePullPolicy string; securityContext any; stdin bool; stdinOnce bool; tty bool
ContainerPort: name string; hostPort int32; containerPort int32; protocol string; hostIP string
EnvVar: name string; value string; valueFrom any
PodTemplateSpec: metadata ObjectMeta; spec PodSpec
Probe: exec any; httpGet HTTPGetAction; tcpSocket TCPSocketAction; grpc any; initialDelaySeconds int32; \
timeoutSeconds int32; periodSeconds int32; successThreshold int32; failureThreshold int32; \
terminationGracePeriodSeconds int64
PodDNSConfig: nameservers []string; searches []string; options any
HostAlias: ip string; hostnames []string
Deployment: metadata ObjectMeta; spec DeploymentSpec; status any
StatefulSet: metadata ObjectMeta; spec StatefulSetSpec; status any
DaemonSet: metadata ObjectMeta; spec DaemonSetSpec; status any
ReplicaSet: metadata ObjectMeta; spec ReplicaSetSpec; status any
DeploymentSpec: replicas int32; selector LabelSelector; template PodTemplateSpec; strategy any; \
minReadySeconds int32; revisionHistoryLimit int32; paused bool; progressDeadlineSeconds int32
StatefulSetSpec: replicas int32; selector LabelSelector; template PodTemplateSpec; volumeClaimTemplates \
any; serviceName string; podManagementPolicy string; updateStrategy any; revisionHistoryLimit int32; \
minReadySeconds int32; persistentVolumeClaimRetentionPolicy any; ordinals any
DaemonSetSpec: selector LabelSelector; template PodTemplateSpec; updateStrategy any; minReadySeconds \
int32; revisionHistoryLimit int32
ReplicaSetSpec: replicas int32; minReadySeconds int32; selector LabelSelector; template PodTemplateSpec
Ingress: metadata ObjectMeta; spec IngressSpec; status any
IngressSpec: ingressClassName string; defaultBackend IngressBackend; tls []IngressTLS; rules []IngressRule
IngressBackend: service IngressServiceBackend; resource any
IngressServiceBackend: name string; port ServiceBackendPort
ServiceBackendPort: name string; number int32
IngressTLS: hosts []string; secretName string
IngressRule: host string; http HTTPIngressRuleValue
HTTPIngressRuleValue: paths []HTTPIngressPath
HTTPIngressPath: path string; pathType string; backend IngressBackend
IngressClass: metadata ObjectMeta; spec IngressClassSpec
IngressClassSpec: controller string; parameters any
NetworkPolicy: metadata ObjectMeta; spec NetworkPolicySpec
NetworkPolicySpec: podSelector LabelSelector; ingress []NetworkPolicyIngressRule; egress \
[]NetworkPolicyEgressRule; policyTypes []string
NetworkPolicyIngressRule: ports []NetworkPolicyPort; from []NetworkPolicyPeer
NetworkPolicyEgressRule: ports []NetworkPolicyPort; to []NetworkPolicyPeer
NetworkPolicyPort: protocol string; port IntOrString; endPort int32
NetworkPolicyPeer: podSelector LabelSelector; namespaceSelector LabelSelector; ipBlock IPBlock
IPBlock: cidr string; except []string
ServiceCIDR: metadata ObjectMeta; spec ServiceCIDRSpec; status any
ServiceCIDRSpec: cidrs []string
EndpointSlice: metadata ObjectMeta; addressType string; endpoints []Endpoint; ports []EndpointPort
Endpoint: addresses []string; conditions EndpointConditions; hostname string; targetRef any; \
deprecatedTopology {}string; nodeName string; zone string; hints EndpointHints
EndpointConditions: ready bool; serving bool; terminating bool
EndpointHints: forZones any; forNodes any
ObjectMeta: name string; generateName string; namespace string; selfLink string; uid string; \
resourceVersion string; generation int64; creationTimestamp any; deletionTimestamp any; \
deletionGracePeriodSeconds int64; labels {}string; annotations {}string; ownerReferences []OwnerReference; \
finalizers []string; managedFields any
LabelSelector: matchLabels {}string; matchExpressions []LabelSelectorRequirement
LabelSelectorRequirement: key string; operator string; values []string
OwnerReference: apiVersion string; kind string; name string; uid string; controller bool; \
blockOwnerDeletion bool
"""


def _fields(line: str) -> tuple[str, dict[str, str]]:
    name, _, fields = line.partition(":")
    pairs = (field.partition(" ") for field in map(str.strip, fields.split(";")) if field)
    return name, {field: kind for field, _, kind in pairs}


FIELDS: dict[str, dict[str, str]] = dict(_fields(line) for line in _TEXT.split("\n") if line)
"""Type → field → its type."""
