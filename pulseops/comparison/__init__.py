"""What a deployment did to the errors: the time before it against the time after.

It stands above `logs` and `deployments`, which know nothing of each other, and adds itself to the deployments' pages
through `pulseops.core.extensions`.
"""
