"""Who calls: a device token or a user's access token, both as `Authorization: Bearer …`."""

from __future__ import annotations

from typing import Any, cast

from django.db import models
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import AuthenticationFailed, InvalidToken

from config.core.limits import count_wrong_token
from config.core.middleware import client_address
from devices import errors
from devices.actors import Actor
from devices.models import Installation, Standing, User
from devices.services.credentials import finish_roll, holds, possible_hashes, split_token
from devices.services.enrollment import actor_of
from devices.services.presence import touch_presence

JWT_DOTS = 2  # header.payload.signature; a device token has one dot


class BearerAuthentication(BaseAuthentication):
    """request.user = Installation or User, request.auth = the Actor."""

    def authenticate(self, request: Request) -> tuple[Installation | User, Actor] | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        token = token.strip()
        if not scheme:
            return None
        if scheme.lower() != "bearer" or not token:
            raise errors.TokenInvalid("Use `Authorization: Bearer <token>`.")
        try:
            return _user(request, token) if token.count(".") == JWT_DOTS else _installation(request, token)
        except errors.TokenInvalid:
            count_wrong_token(request, token)
            raise

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="countonme"'


def _installation(request: Request, token: str) -> tuple[Installation, Actor]:
    parts = split_token(token)
    hashes = possible_hashes(parts[1] if parts else "")
    found: Installation | None = None
    if parts:
        secret = models.Q(secret_hash__in=hashes) | models.Q(next_secret_hash__in=hashes)
        rows = Installation.objects.select_related("device__feed", "presence")
        found = rows.filter(secret, uuid=parts[0]).first()
    if not holds(found, hashes) or found is None:
        raise errors.TokenInvalid
    if found.secret_hash != hashes[0]:
        finish_roll(found, hashes)
    _refuse_standing(request, found)
    touch_presence(found, address=client_address(request))
    return found, actor_of(found, request_id=request_id(request))


def _refuse_standing(request: Request, installation: Installation) -> None:
    standing = installation.effective_standing()
    if standing == Standing.REVOKED or installation.device.is_deleted:
        raise errors.DeviceRevoked
    if standing == Standing.SUSPENDED:
        raise errors.DeviceSuspended
    view: Any = request.parser_context.get("view") if request.parser_context else None
    if standing == Standing.DRAINING and not getattr(view, "open_while_draining", False):
        raise errors.DeviceDraining


def _user(request: Request, token: str) -> tuple[User, Actor]:
    jwt = JWTAuthentication()
    try:
        user = cast(User, jwt.get_user(jwt.get_validated_token(token.encode())))
    except (InvalidToken, AuthenticationFailed):
        raise errors.TokenInvalid from None
    return user, user_actor(user, request_id=request_id(request))


def user_actor(user: User, *, request_id: str = "") -> Actor:
    """The actor that stands for a person who calls the API."""
    return Actor(kind="user", id=str(user.uuid), name=str(user), request_id=request_id)


def request_id(request: Any) -> str:
    """The id that the middleware gave the request."""
    return str(getattr(request, "request_id", ""))
