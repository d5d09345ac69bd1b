"""Which environment of which service an event of GitHub is about, and what is kept of those about none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection

from accounts.models import Org
from deployments.models import Deployment, GitHubIntegration, WebhookDelivery, WebhookEffect
from tests.deployments.github import deliver, make_integration, payload
from tests.deployments.hooks import GOOD, only_line
from tests.support.factories import make_org

pytestmark = pytest.mark.django_db


# -- Where it goes ---------------------------------------------------------------------------------------------------


def test_repository_names_match_without_regard_to_case(org: Org) -> None:
    integration = make_integration(org, owner="Northwind-LABS", name="CheckOut")
    deliver(integration, "push", payload("push"))
    assert Deployment.objects.count() == 1


def test_github_environment_goes_before_the_branch(integration: GitHubIntegration) -> None:
    deliver(
        integration,
        "deployment",
        payload("deployment", deployment__environment="Staging"),
    )
    assert Deployment.objects.get().environment.name == "staging"


def test_github_environment_may_have_another_name_here(org: Org) -> None:
    integration = make_integration(org, environment_names={"prod-eu": "production"})
    deliver(integration, "deployment", payload("deployment", deployment__environment="Prod-EU"))
    assert Deployment.objects.get().environment.name == "production"


@pytest.mark.parametrize(
    ("event", "content", "reason"),
    [
        ("push", payload("push", ref="refs/heads/feature/x"), "The branch feature/x is not mapped to an environment."),
        ("push", payload("push", ref="refs/tags/v1"), "refs/tags/v1 is not a branch."),
        ("push", payload("push", deleted=True, after="0" * 40, head_commit=None), "main was deleted."),
        (
            "deployment",
            payload("deployment", deployment__environment="github-pages"),
            "No environment here goes by GitHub's name github-pages.",
        ),
        (
            "workflow_run",
            payload("workflow_run", workflow_run__event="pull_request"),
            "The run is a pull request's: it deploys nothing.",
        ),
        (
            "workflow_run",
            payload("workflow_run", workflow_run__head_repository={"id": 7, "full_name": "mallory/checkout"}),
            "The run is a pull request's: it deploys nothing.",
        ),
        ("issues", {"action": "opened", **payload("ping")}, "The event issues is not used."),
        (
            "push",
            payload("push", repository__full_name="northwind-labs/website"),
            "It is of northwind-labs/website, not of northwind-labs/checkout.",
        ),
    ],
)
def test_what_is_not_ours_is_kept_with_the_reason(
    integration: GitHubIntegration, event: str, content: Any, reason: str
) -> None:
    response = deliver(integration, event, content)
    assert (response.status_code, response.json()) == (200, GOOD)
    line = only_line()
    assert (line.result, line.reason, line.integration) == ("ignored", reason, integration)
    assert not Deployment.objects.exists()


def test_branch_mapped_to_an_environment_that_is_gone(integration: GitHubIntegration) -> None:
    integration.service.environments.filter(name="production").delete()
    deliver(integration, "push", payload("push"))
    assert only_line().reason == "The branch main is mapped to production, which this service does not have."


@pytest.mark.parametrize("mapping", [[], None, "main", {"main": 7}, {"main": None}])
def test_mappings_of_another_shape_map_nothing(integration: GitHubIntegration, mapping: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE github_integrations SET environment_mapping = %s::jsonb", [json.dumps(mapping)])
    assert deliver(integration, "push", payload("push")).json() == GOOD
    assert only_line().result == "ignored"


def test_a_renamed_environment_keeps_its_branches(org: Org) -> None:
    integration = make_integration(org, environment_names={"prod": "production"})
    environment = integration.service.environments.get(name="production")
    environment.name = "live"
    environment.save()
    integration.refresh_from_db()
    assert integration.environment_mapping == {"main": "live"}
    assert integration.environment_names == {"prod": "live"}
    deliver(integration, "push", payload("push"))
    assert Deployment.objects.get().environment == environment


def test_only_the_workflows_that_deploy_count(org: Org) -> None:
    integration = make_integration(org, workflows=["Release"])
    deliver(integration, "workflow_run", payload("workflow_run"))
    assert only_line().reason == "The workflow Deploy is not one of those that deploy."


def test_two_organisations_may_map_one_repository(integration: GitHubIntegration) -> None:
    other = make_integration(make_org("Other"))
    for each in (integration, other, integration):
        deliver(each, "workflow_run", payload("workflow_run"), delivery_id="same-guid")
    assert {d.org for d in Deployment.objects.all()} == {integration.service.org, other.service.org}
    assert Deployment.objects.count() == WebhookEffect.objects.count() == 2
    assert WebhookDelivery.objects.count() == 1
    assert WebhookEffect.objects.for_org(other.service.org).get().integration == other
