"""deployer keeps SIEM detections in Git and makes live tenants equal to them."""

__version__ = "0.1.0"
