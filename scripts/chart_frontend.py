"""The values of helm/krai-frontend."""

from typing import Annotated

from pydantic import Field

from scripts.chart_words import HOST, Autoscaling, Customer, Expose, Image, Limits, Pods, Quantity, Rules, Service, Values

CLIENTS = [{"ipBlock": {"cidr": cidr}} for cidr in ("35.191.0.0/16", "130.211.0.0/22")]


class NginxImage(Image):
    repository: Annotated[str, Field(min_length=1, description="without a tag, as REGION-docker.pkg.dev/PROJECT/krai/krai-frontend")] = (
        "krai-frontend"
    )


class Dashboard(Values):
    api_url: Annotated[
        str, Field(pattern=r"^(https?://[^\s/]+)?$", description="KRAI_API_URL: where the API is; on the same host when it is empty")
    ] = ""
    uploads_to: Annotated[
        str,
        Field(
            pattern=r"^(https?://[^\s/]+)?$",
            description="KRAI_UPLOADS_TO: the origin that files are sent to; the API when it is empty, as in mode embedded",
        ),
    ] = "https://storage.googleapis.com"
    sign_in: Annotated[
        list[dict[str, str]], Field(description="KRAI_SIGN_IN: where people sign in besides with a key, as {name: Google, url: /login}")
    ] = []


class NetworkPolicy(Values):
    enabled: Annotated[bool, Field(description="nothing in and out of the pods but what is listed")] = True
    clients: Annotated[Rules, Field(description="who may load the page, as NetworkPolicyPeers")] = CLIENTS


class Frontend(Pods):
    host: Annotated[
        str,
        Field(
            pattern=HOST,
            description="the name of the page's route: that of the API, which gets all but /ui, or one of its own, with dashboard.apiUrl",
        ),
    ] = ""
    customer: Customer = Customer()
    limits: Annotated[Limits, Field(description="not of the page: a customer's file is for both charts")] = Limits()
    image: NginxImage = NginxImage()
    dashboard: Dashboard = Dashboard()
    service: Service = Service()
    expose: Expose = Expose()
    autoscaling: Autoscaling = Autoscaling(max=4)
    cpu: Annotated[Quantity, Field(description="CPU requested")] = "25m"
    memory_mb: Annotated[int, Field(ge=16, description="memory requested, and its limit")] = 64
    deregistration_s: Annotated[int, Field(ge=0, le=300, description="how long a pod that is to stop goes on answering (preStop)")] = 30
    network_policy: NetworkPolicy = NetworkPolicy()
