"""Where moto differs from AWS in ways that matter to a stack, mended in moto's own classes.

One module per service, installed when that service is first called. Each change names the behaviour that forces it.
"""

# How long things take by themselves, in seconds; a test may change them (PUT /__cloud/aws).
SETTINGS = {
    "balancer_active_after": 0.2,
    "certificate_record_after": 0.2,
    "interfaces_linger": 0.0,  # of a deleted load balancer or a stopped task
    "service_deployments": True,  # whether ECS knows ListServiceDeployments and its relatives
}

# What must happen as time goes by; called before every AWS call.
TICKS = []


def tick():
    for step in TICKS:
        step()


def configure(changes):
    if unknown := set(changes) - set(SETTINGS):
        raise ValueError(f"unknown settings: {', '.join(sorted(unknown))}")
    SETTINGS.update(changes)
    return SETTINGS


def replace(owner):
    """Decorator: the function takes the place of owner's method of that name and gets the original as first argument."""

    def decorate(function):
        original = getattr(owner, function.__name__, None)

        def method(self, *args, **kwargs):
            return function(original, self, *args, **kwargs)

        method.__name__ = function.__name__
        method.original = original
        setattr(owner, function.__name__, method)
        return method

    return decorate


def add(owner):
    """Decorator: a method moto lacks."""

    def decorate(function):
        setattr(owner, function.__name__, function)
        return function

    return decorate
