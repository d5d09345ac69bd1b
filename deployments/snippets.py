"""How other CI systems tell of a deployment: snippets that run as they stand, once the key is a secret there."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

PATH = "/api/v1/deployments"


@dataclass(frozen=True, slots=True)
class Snippet:
    """What to paste, under the name of where."""

    label: str
    code: str


def deployment_snippets() -> list[Snippet]:
    """Return a snippet for curl, GitHub Actions and GitLab CI; they read the key from PULSEOPS_API_KEY."""
    address = f"{settings.PUBLIC_URL}{PATH}"
    return [
        Snippet("curl", _CURL.replace("ADDRESS", address)),
        Snippet("GitHub Actions", _ACTIONS.replace("ADDRESS", address)),
        Snippet("GitLab CI", _GITLAB.replace("ADDRESS", address)),
    ]


_CURL = """\
curl --fail-with-body ADDRESS \\
  -H "x-api-key: $PULSEOPS_API_KEY" \\
  -H "content-type: application/json" \\
  -d '{
    "commit_sha": "'"$(git rev-parse HEAD)"'",
    "status": "success",
    "branch": "'"$(git branch --show-current)"'",
    "author": "'"$(git log -1 --format=%an | tr -d '"')"'",
    "external_id": "'"$(hostname)-$(date +%s)"'"
  }'
"""

_ACTIONS = """\
# The last step of the job that deploys. Add the key as the secret PULSEOPS_API_KEY.
- name: Tell PulseOps
  if: always()
  env:
    PULSEOPS_API_KEY: ${{ secrets.PULSEOPS_API_KEY }}
    STATUS: ${{ job.status == 'success' && 'success' || 'failure' }}
    RUN_URL: ${{ github.server_url }}/${{ github.repository }}/actions/runs/${{ github.run_id }}
  run: |
    jq -n --arg message "$(git log -1 --format=%B)" '{
      commit_sha: env.GITHUB_SHA, status: env.STATUS, branch: env.GITHUB_REF_NAME, author: env.GITHUB_ACTOR,
      commit_message: $message, url: env.RUN_URL,
      external_id: "\\(env.GITHUB_RUN_ID)-\\(env.GITHUB_RUN_ATTEMPT)"
    }' | curl --fail-with-body ADDRESS \\
      -H "x-api-key: $PULSEOPS_API_KEY" -H "content-type: application/json" -d @-
"""

_GITLAB = """\
# In the job that deploys. Add the key as the masked variable PULSEOPS_API_KEY; the image needs curl and jq.
deploy:
  script:
    - ./deploy.sh
  after_script:
    - |
      [ "$CI_JOB_STATUS" = success ] && status=success || status=failure
      jq -n --arg status "$status" '{
        commit_sha: env.CI_COMMIT_SHA, status: $status, branch: env.CI_COMMIT_REF_NAME,
        author: env.GITLAB_USER_NAME, commit_message: env.CI_COMMIT_MESSAGE,
        url: env.CI_JOB_URL, external_id: env.CI_JOB_ID
      }' | curl --fail-with-body ADDRESS \\
        -H "x-api-key: $PULSEOPS_API_KEY" -H "content-type: application/json" -d @-
"""
