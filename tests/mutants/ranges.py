"""The ranges next to a CIDR range."""

import ipaddress


def ranges_beside(text: str) -> tuple[str, ...]:
    """The upper and the lower half of the range and the range of twice its width; nothing for what is no range."""
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        return ()
    if network.prefixlen == network.max_prefixlen:
        return tuple(str(one) for one in (network.supernet(),))
    return (*(str(half) for half in network.subnets()), str(network.supernet()))
