"""Microsoft Sentinel through Azure Resource Manager."""
