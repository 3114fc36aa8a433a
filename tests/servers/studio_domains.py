"""Making and deleting domains, as Terraform does; see :mod:`tests.servers.studio_state`."""

from __future__ import annotations

from typing import Any

from tests.servers.studio_lists import Kept, Refused


class Domains:
    """The part of the state that has domains, and tags of what was made."""

    domains: dict[str, Kept]
    profiles: dict[tuple[str, str], Kept]
    spaces: dict[tuple[str, str], Kept]
    arn: str
    guards: bool
    tags: dict[str, dict[str, str]]
    now: float

    def do_create_domain(self, DomainName: str, Tags: Any = (), **more: Any) -> Kept:
        if any(domain["DomainName"] == DomainName for domain in self.domains.values()):
            raise Refused("ResourceInUse", f"Domain {DomainName} already exists.")
        name = f"d-{len(self.domains):012x}"
        arn, url = f"{self.arn}domain/{name}", f"https://{name}.studio.{self.arn.split(':')[3]}.sagemaker.aws"
        self.domains[name] = {
            **more,
            "DomainId": name,
            "DomainArn": arn,
            "DomainName": DomainName,
            "Status": "InService",
            "Url": url,
            "HomeEfsFileSystemId": "fs-0123456789abcdef0",
            "CreationTime": self.now,
            "LastModifiedTime": self.now,
        }
        self.tags[arn] = {tag["Key"]: tag["Value"] for tag in Tags}
        return {"DomainArn": arn, "DomainId": name, "Url": url}

    def do_delete_domain(self, DomainId: str, RetentionPolicy: Any = None) -> Kept:
        if DomainId not in self.domains:
            raise Refused("ResourceNotFound", f"Domain {DomainId} does not exist.")
        users = [name for domain, name in (*self.profiles, *self.spaces) if domain == DomainId]
        if users and self.guards:
            raise Refused("ResourceInUse", f"Domain {DomainId} has {', '.join(users)}: delete them first.")
        del self.domains[DomainId]
        return {}
