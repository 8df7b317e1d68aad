"""What other checkers get wrong: opinions sold as faults, blind spots, false alarms."""

from __future__ import annotations

from dataclasses import replace

from kinspect.judge import judged
from kinspect.model.coverage import Coverage
from kinspect.model.finding import Finding
from kinspect.model.kinds import KINDS
from kinspect.model.meta import Ref
from kinspect.sources.manifests import read_manifests


def found(manifests: str) -> list[Finding]:
    snapshot = judged(read_manifests(["-"], manifests.encode()))
    return [each for one in snapshot.judgments.values() for each in one.findings]


def codes(manifests: str) -> set[str]:
    return {each.code for each in found(manifests)}


def pod(name: str, ip: str, ports: str = "[]", labels: str = "{app: web}") -> str:
    return f"""\
---
kind: Pod
apiVersion: v1
metadata: {{name: {name}, namespace: shop, labels: {labels}}}
spec: {{nodeName: node1, containers: [{{name: app, ports: {ports}}}]}}
status: {{podIP: "{ip}", conditions: [{{type: Ready, status: "True"}}]}}
"""


def slice_(
    service: str, *addresses: str, name: str = "", family: str = "IPv4", ports: str = "[{port: 80}]"
) -> str:
    endpoints = ", ".join(f'{{addresses: ["{each}"], nodeName: node1}}' for each in addresses)
    return f"""\
---
kind: EndpointSlice
apiVersion: discovery.k8s.io/v1
metadata:
  name: {name or service + "-1"}
  namespace: shop
  labels: {{kubernetes.io/service-name: {service}}}
addressType: {family}
ports: {ports}
endpoints: [{endpoints}]
"""


def service(spec: str, name: str = "web") -> str:
    return f"""\
---
kind: Service
apiVersion: v1
metadata: {{name: {name}, namespace: shop}}
spec: {{{spec}}}
"""


WEB = "selector: {app: web}, clusterIP: 10.96.0.20"


def test_no_opinion_on_types_policies_numbers_and_single_endpoints() -> None:
    behind = slice_("web", "10.244.1.5", ports="[{port: 8080}]") + pod("web-1", "10.244.1.5")
    for kind in ("ClusterIP", "NodePort", "LoadBalancer"):
        spec = f"{WEB}, type: {kind}, externalTrafficPolicy: Cluster, ports: [{{port: 80, targetPort: 8080}}]"
        status = "status: {loadBalancer: {ingress: [{ip: 192.0.2.80}]}}\n" if kind == "LoadBalancer" else ""
        assert found(service(spec) + status + behind) == []


def test_numeric_target_port_need_not_be_declared() -> None:
    behind = slice_("web", "10.244.1.5", ports="[{port: 9999}]") + pod("web-1", "10.244.1.5", "[]")
    assert found(service(f"{WEB}, ports: [{{port: 80, targetPort: 9999}}]") + behind) == []


def test_every_pod_is_asked_for_a_named_port() -> None:
    named = service(f"{WEB}, ports: [{{port: 80, targetPort: http}}]")
    first = pod("web-1", "10.244.1.5", "[{name: http, containerPort: 80}]")
    assert codes(named + first + pod("web-2", "10.244.1.6", "[{name: http, containerPort: 81}]")) == set()
    assert codes(named + first + pod("web-2", "10.244.1.6")) == {"EPS106"}


def test_named_port_of_a_sidecar_counts_and_of_an_init_container_does_not() -> None:
    named = service(f"{WEB}, ports: [{{port: 80, targetPort: http}}]")
    declared = (
        "initContainers: [{name: proxy, restartPolicy: Always, ports: [{name: http, containerPort: 80}]}]"
    )
    sidecar = pod("web-1", "10.244.1.5").replace("containers:", f"{declared}, containers:")
    assert codes(named + sidecar) == set()
    assert codes(named + sidecar.replace("restartPolicy: Always, ", "")) == {"EPS105"}


def test_service_without_selector_is_not_for_every_pod() -> None:
    alone = service("clusterIP: 10.96.0.20, ports: [{port: 80}]")
    assert found(alone + slice_("web", "192.0.2.10") + pod("other", "10.244.1.5")) == []


def test_service_with_no_pods_is_broken_and_says_why() -> None:
    (only,) = found(
        service(f"{WEB}, ports: [{{port: 80}}]") + pod("web-1", "10.244.1.5", labels="{app: wbe}")
    )
    assert only.code == "SVC101"
    assert "app=wbe" in only.message


def test_unnamed_service_port_does_not_match_every_ingress_port() -> None:
    ingress = """\
---
kind: Ingress
apiVersion: networking.k8s.io/v1
metadata: {name: shop, namespace: shop}
spec: {ingressClassName: nginx, defaultBackend: {service: {name: web, port: {number: 81}}}}
"""
    assert codes(service(f"{WEB}, ports: [{{port: 80}}]") + ingress) == {"ING102"}
    assert codes(service(f"{WEB}, ports: [{{port: 81}}]") + ingress) == set()


def test_ingress_backend_that_is_no_service_is_no_fault() -> None:
    ingress = """\
---
kind: Ingress
apiVersion: networking.k8s.io/v1
metadata: {name: shop, namespace: shop}
spec: {ingressClassName: nginx, defaultBackend: {resource: {kind: Bucket, name: files}}}
"""
    assert found(service(f"{WEB}, ports: [{{port: 80}}]") + ingress) == []


def test_slice_is_joined_by_its_label_and_not_by_its_name() -> None:
    two = service("clusterIP: 10.96.0.20, ports: [{port: 80}]") + service(
        "clusterIP: 10.96.0.21, ports: [{port: 80}]", "other"
    )
    swapped = slice_("web", "192.0.2.10", name="other-abc") + slice_("other", "192.0.2.11", name="web-abc")
    assert found(two + swapped) == []


def test_ipv6_only_service_is_as_good() -> None:
    spec = 'selector: {app: web}, clusterIP: "fd00:96::20", ports: [{port: 80}]'
    assert (
        found(service(spec) + slice_("web", "fd00:244::5", family="IPv6") + pod("web-1", "fd00:244::5")) == []
    )


def test_headless_service_needs_no_ports_and_no_second_family() -> None:
    spec = "clusterIP: None, ipFamilies: [IPv4, IPv6], ipFamilyPolicy: RequireDualStack"
    assert found(service(spec) + slice_("web", "192.0.2.10", ports="null")) == []


def test_conditions_are_found_by_type() -> None:
    node = """\
kind: Node
apiVersion: v1
metadata: {name: node1}
status: {conditions: [{type: DiskPressure, status: "False"}, {type: Ready, status: "True"}]}
"""
    assert found(node) == []


def test_external_name_needs_nothing_else() -> None:
    alias = service("type: ExternalName, externalName: db.example.com, selector: {app: nothing}")
    assert found(alias) == []


def test_two_services_of_one_workload_are_no_fault() -> None:
    ports = "ports: [{port: 80}]"
    both = service(f"{WEB}, {ports}") + service(
        f"selector: {{app: web}}, clusterIP: None, {ports}", "web-peers"
    )
    behind = slice_("web", "10.244.1.5") + slice_("web-peers", "10.244.1.5") + pod("web-1", "10.244.1.5")
    assert found(both + behind) == []


def test_a_service_that_is_being_deleted_needs_no_better_selector() -> None:
    other = pod("api-1", "10.244.1.5", labels="{app: api}")
    (only,) = found(service(f"{WEB}, ports: [{{port: 80}}]") + other)
    assert only.fix == "correct spec.selector, or start pods with these labels"
    going = service(f"{WEB}, ports: [{{port: 80}}]").replace(
        "namespace: shop}", 'namespace: shop, deletionTimestamp: "2026-01-01T00:00:00Z"}'
    )
    (only,) = found(going + other)
    assert only.message.endswith("; the Service is itself being deleted")
    assert "metadata.finalizers" in only.fix


def test_a_chain_of_external_names_that_ends_is_no_fault() -> None:
    def alias(name: str, target: str) -> str:
        return service(f"type: ExternalName, externalName: {target}", name)

    end = alias("c", "db.example.com")
    chain = alias("a", "b.shop.svc.cluster.local") + alias("b", "c.shop.svc.cluster.local")
    assert codes(chain + end) == set()
    assert {each.ref.name for each in found(chain + alias("c", "b.shop.svc.cluster.local"))} == {"b", "c"}
    assert codes(alias("a", "a.shop.svc.cluster.local")) == {"SVC104"}


def test_an_external_name_whose_target_may_not_be_seen_may_lead_back() -> None:
    text = service("type: ExternalName, externalName: db.storage.svc.cluster.local")
    seen = read_manifests(["-"], text.encode())
    narrow = {**seen.coverage, "Service": Coverage("given", namespaces=("shop",))}
    (judgment,) = judged(replace(seen, coverage=narrow)).judgments.values()
    assert judgment.state == "unknown"
    assert "storage/db" in judgment.unknowns[0].reason


SERVICE_CIDR = """\
---
kind: ServiceCIDR
apiVersion: networking.k8s.io/v1
metadata: {name: kubernetes}
spec: {cidrs: [10.96.0.0/16]}
"""


def test_an_endpoint_outside_of_the_service_ranges_is_no_cluster_ip_whatever_else_is_hidden() -> None:
    def unknown(address: str, ranges: str) -> bool:
        text = service("clusterIP: 10.96.0.20, ports: [{port: 80}]") + slice_("web", address) + ranges
        seen = read_manifests(["-"], text.encode())
        narrow = {**seen.coverage, "Service": Coverage("given", namespaces=("shop",))}
        judgment = judged(replace(seen, coverage=narrow)).judgments[Ref("Service", "shop", "web")]
        return "EPS115" in {each.code for each in judgment.unknowns}

    assert not unknown("192.0.2.10", SERVICE_CIDR)
    assert unknown("10.96.0.77", SERVICE_CIDR)
    assert unknown("192.0.2.10", "")


def test_finished_pods_are_no_missing_endpoints() -> None:
    done = pod("job-1", "10.244.1.7").replace("podIP:", "phase: Succeeded, podIP:")
    one = service(f"{WEB}, ports: [{{port: 80, targetPort: http}}]")
    live = pod("web-1", "10.244.1.5", "[{name: http, containerPort: 80}]")
    assert found(one + slice_("web", "10.244.1.5") + live + done) == []


def test_files_without_slices_say_unknown_and_not_broken() -> None:
    snapshot = judged(read_manifests(["-"], service(f"{WEB}, ports: [{{port: 80}}]").encode()))
    (judgment,) = snapshot.judgments.values()
    assert judgment.findings == ()
    assert judgment.state == "unknown"


def test_user_of_one_namespace_sees_its_good_services_as_good() -> None:
    """Cluster-wide kinds are hidden from such a user, and no Service needs them to be judged."""
    good = service(f"{WEB}, ports: [{{port: 80}}]") + slice_("web", "10.244.1.5") + pod("web-1", "10.244.1.5")
    seen = read_manifests(["-"], good.encode())
    own, hidden = Coverage("given", namespaces=("shop",)), Coverage("denied", "forbidden")
    coverage = {name: own if kind.namespaced else hidden for name, kind in KINDS.items()}
    states = {
        ref.kind: each.state for ref, each in judged(replace(seen, coverage=coverage)).judgments.items()
    }
    assert states == {"Service": "ok", "EndpointSlice": "ok"}


NOT_APPLIED = """\
---
kind: Deployment
apiVersion: apps/v1
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}}}
---
kind: Ingress
apiVersion: networking.k8s.io/v1
metadata: {name: shop, namespace: shop}
spec: {ingressClassName: nginx, defaultBackend: {service: {name: web, port: {number: 80}}}}
---
kind: IngressClass
apiVersion: networking.k8s.io/v1
metadata: {name: other}
"""


def test_files_that_nobody_has_applied_wait_for_nothing() -> None:
    wish = service("type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]")
    bare = pod("solo-1", "", labels="{app: solo}").partition("status:")[0]
    solo = service("selector: {app: solo}, ports: [{port: 80}]", "solo")
    by_hand = service("ports: [{port: 80}]", "by-hand") + slice_("by-hand", "192.0.2.10")
    assert found(wish + NOT_APPLIED + bare + solo + by_hand) == []


def test_port_names_are_looked_up_in_templates_that_nobody_has_applied() -> None:
    wish = service("selector: {app: web}, ports: [{port: 80, targetPort: http}]") + NOT_APPLIED
    app = "{name: app, ports: [{name: http, containerPort: 80}]}"
    bearing = f"spec: {{template: {{spec: {{containers: [{app}]}}, metadata"
    assert codes(wish) == {"EPS105"}
    assert codes(wish.replace("spec: {template: {metadata", bearing)) == set()


def test_the_same_applied_is_broken() -> None:
    live = service("type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]") + NOT_APPLIED
    live = live.replace("namespace: shop}", "namespace: shop, uid: 5ca1ab1e}")
    assert codes(live + pod("other", "10.244.1.5", labels="{app: other}")) == {"SVC101", "SVC105", "ING103"}
