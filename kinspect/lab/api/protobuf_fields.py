"""The messages that kubectl makes itself and sends as protobuf, field by field.

A line is a message: its fields, each with number, name and type. `[]` is a list, `{}` a map from string, `<`
puts the fields of the message into the one around it; `?` keeps a zero, which is meant when the API has a
pointer.
Numbers and names are those of generated.proto in k8s.io/api and k8s.io/apimachinery (1.36).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Many = Literal["", "list", "map", "inline"]

_MARKS: dict[str, Many] = {"[]": "list", "{}": "map", "<": "inline"}


class Field(NamedTuple):
    """A field of a message."""

    name: str
    type: str
    many: Many
    keeps_zero: bool


_TEXT = """
Namespace: 1 metadata ObjectMeta; 2 spec NamespaceSpec; 3 status NamespaceStatus
NamespaceSpec: 1 finalizers []string
NamespaceStatus: 1 phase string
ConfigMap: 1 metadata ObjectMeta; 2 data {}string; 3 binaryData {}bytes; 4 immutable bool?
Secret: 1 metadata ObjectMeta; 2 data {}bytes; 3 type string; 4 stringData {}string; 5 immutable bool?
ServiceAccount: 1 metadata ObjectMeta; 4 automountServiceAccountToken bool?
Service: 1 metadata ObjectMeta; 2 spec ServiceSpec; 3 status ServiceStatus
ServiceSpec: 1 ports []ServicePort; 2 selector {}string; 3 clusterIP string; 18 clusterIPs []string; \
4 type string; 5 externalIPs []string; 7 sessionAffinity string; 8 loadBalancerIP string; \
9 loadBalancerSourceRanges []string; 10 externalName string; 11 externalTrafficPolicy string; \
12 healthCheckNodePort int; 13 publishNotReadyAddresses bool; \
14 sessionAffinityConfig SessionAffinityConfig; 19 ipFamilies []string; 17 ipFamilyPolicy string; \
20 allocateLoadBalancerNodePorts bool?; 21 loadBalancerClass string; 22 internalTrafficPolicy string; \
23 trafficDistribution string
ServicePort: 1 name string; 2 protocol string; 6 appProtocol string; 3 port int; 4 targetPort IntOrString; \
5 nodePort int
SessionAffinityConfig: 1 clientIP ClientIPConfig
ClientIPConfig: 1 timeoutSeconds int?
ServiceStatus: 1 loadBalancer LoadBalancerStatus
LoadBalancerStatus:
Deployment: 1 metadata ObjectMeta; 2 spec DeploymentSpec; 3 status DeploymentStatus
DeploymentSpec: 1 replicas int?; 2 selector LabelSelector; 3 template PodTemplateSpec; \
4 strategy DeploymentStrategy; 5 minReadySeconds int; 6 revisionHistoryLimit int?; 7 paused bool; \
9 progressDeadlineSeconds int?
DeploymentStrategy: 1 type string; 2 rollingUpdate RollingUpdateDeployment
RollingUpdateDeployment: 1 maxUnavailable IntOrString?; 2 maxSurge IntOrString?
DeploymentStatus: 1 observedGeneration int; 2 replicas int; 3 updatedReplicas int; 4 availableReplicas int; \
5 unavailableReplicas int; 7 readyReplicas int
PodTemplateSpec: 1 metadata ObjectMeta; 2 spec PodSpec
PodSpec: 2 containers []Container; 20 initContainers []Container; 3 restartPolicy string; \
4 terminationGracePeriodSeconds int?; 6 dnsPolicy string; 7 nodeSelector {}string; \
8 serviceAccountName string; 9 serviceAccount string; 10 nodeName string; 11 hostNetwork bool; \
12 hostPID bool; 13 hostIPC bool; 16 hostname string; 17 subdomain string; 19 schedulerName string; \
24 priorityClassName string; 30 enableServiceLinks bool?
Container: 1 name string; 2 image string; 3 command []string; 4 args []string; 5 workingDir string; \
6 ports []ContainerPort; 7 env []EnvVar; 8 resources ResourceRequirements; \
13 terminationMessagePath string; 20 terminationMessagePolicy string; 14 imagePullPolicy string; \
16 stdin bool; 17 stdinOnce bool; 18 tty bool
ContainerPort: 1 name string; 2 hostPort int; 3 containerPort int; 4 protocol string; 5 hostIP string
EnvVar: 1 name string; 2 value string
ResourceRequirements:
Ingress: 1 metadata ObjectMeta; 2 spec IngressSpec; 3 status IngressStatus
IngressSpec: 4 ingressClassName string; 1 defaultBackend IngressBackend; 2 tls []IngressTLS; \
3 rules []IngressRule
IngressTLS: 1 hosts []string; 2 secretName string
IngressRule: 1 host string; 2 value <IngressRuleValue
IngressRuleValue: 1 http HTTPIngressRuleValue
HTTPIngressRuleValue: 1 paths []HTTPIngressPath
HTTPIngressPath: 1 path string; 3 pathType string; 2 backend IngressBackend
IngressBackend: 4 service IngressServiceBackend
IngressServiceBackend: 1 name string; 2 port ServiceBackendPort
ServiceBackendPort: 1 name string; 2 number int
IngressStatus: 1 loadBalancer LoadBalancerStatus
SelfSubjectAccessReview: 1 metadata ObjectMeta; 2 spec SelfSubjectAccessReviewSpec; 3 status AccessStatus
SelfSubjectAccessReviewSpec: 1 resourceAttributes ResourceAttributes; \
2 nonResourceAttributes NonResourceAttributes
ResourceAttributes: 1 namespace string; 2 verb string; 3 group string; 4 version string; \
5 resource string; 6 subresource string; 7 name string
NonResourceAttributes: 1 path string; 2 verb string
AccessStatus: 1 allowed bool; 2 reason string; 3 evaluationError string; 4 denied bool
SelfSubjectRulesReview: 1 metadata ObjectMeta; 2 spec SelfSubjectRulesReviewSpec; 3 status RulesStatus
SelfSubjectRulesReviewSpec: 1 namespace string
RulesStatus: 3 incomplete bool; 4 evaluationError string
SelfSubjectReview: 1 metadata ObjectMeta; 2 status SelfSubjectReviewStatus
SelfSubjectReviewStatus: 1 userInfo UserInfo
UserInfo: 1 username string; 2 uid string
ObjectMeta: 1 name string; 2 generateName string; 3 namespace string; 4 selfLink string; 5 uid string; \
6 resourceVersion string; 7 generation int; 8 creationTimestamp Time; 9 deletionTimestamp Time; \
11 labels {}string; 12 annotations {}string; 13 ownerReferences []OwnerReference; 14 finalizers []string
OwnerReference: 5 apiVersion string; 1 kind string; 3 name string; 4 uid string; 6 controller bool?; \
7 blockOwnerDeletion bool?
LabelSelector: 1 matchLabels {}string; 2 matchExpressions []LabelSelectorRequirement
LabelSelectorRequirement: 1 key string; 2 operator string; 3 values []string
DeleteOptions: 1 gracePeriodSeconds int?; 2 preconditions Preconditions; 3 orphanDependents bool?; \
4 propagationPolicy string; 5 dryRun []string
Preconditions: 1 uid string; 2 resourceVersion string
"""


def _field(text: str) -> tuple[int, Field]:
    number, name, kind = text.split()
    mark = next((mark for mark in _MARKS if kind.startswith(mark)), "")
    bare = kind.removeprefix(mark)
    return int(number), Field(name, bare.removesuffix("?"), _MARKS.get(mark, ""), bare.endswith("?"))


def _message(line: str) -> tuple[str, dict[int, Field]]:
    name, _, fields = line.partition(":")
    return name, dict(_field(text) for text in fields.split(";") if text.strip())


MESSAGES: dict[str, dict[int, Field]] = dict(_message(line) for line in _TEXT.split("\n") if line)
