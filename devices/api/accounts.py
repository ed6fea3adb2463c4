"""People over HTTP: sign in, refresh, sign out, and who am I."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.serializers import TokenObtainPairSerializer, TokenRefreshSerializer
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.tokens import RefreshToken

from config.core.errors import NotFound
from config.core.fields import ExactText
from config.core.limits import count_sign_in, count_wrong_token
from devices.api.records import WIRE_FIELDS, StrictSerializer
from devices.errors import SignInFailed, TokenInvalid
from devices.models import User
from devices.services.accounts import update_profile


class SignInSerializer(StrictSerializer):
    """A person's credentials."""

    username = ExactText(max_length=150)
    password = ExactText(max_length=1000)


class RefreshSerializer(StrictSerializer):
    """The refresh token of the last answer; it works once."""

    refresh = ExactText(max_length=4000)


class TokensSerializer(serializers.Serializer[Any]):
    """`access` goes into the Authorization header, `refresh` gets the next pair."""

    access = serializers.CharField()
    refresh = serializers.CharField()


class OpenView(APIView):
    """What one calls before one is known."""

    authentication_classes = ()
    permission_classes = ()


class SignInView(OpenView):
    """Username and password → an access and a refresh token."""

    @extend_schema(request=SignInSerializer, responses=TokensSerializer, auth=[])
    def post(self, request: Request) -> Response:
        serializer = SignInSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        count_sign_in(request, serializer.validated_data["username"])
        pair = TokenObtainPairSerializer(data=serializer.validated_data, context={"request": request})
        try:
            pair.is_valid(raise_exception=True)
        except AuthenticationFailed:
            raise SignInFailed from None
        return Response({key: pair.validated_data[key] for key in ("access", "refresh")})


class RefreshView(OpenView):
    """A refresh token → the next pair; the old refresh token ends."""

    @extend_schema(request=RefreshSerializer, responses=TokensSerializer, auth=[])
    def post(self, request: Request) -> Response:
        serializer = RefreshSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        pair = TokenRefreshSerializer(data=serializer.validated_data)
        try:
            with transaction.atomic():
                _lock_token(serializer.validated_data["refresh"])
                pair.is_valid(raise_exception=True)
        except (TokenError, AuthenticationFailed, User.DoesNotExist):
            count_wrong_token(request, serializer.validated_data["refresh"])
            raise TokenInvalid from None
        return Response({key: pair.validated_data[key] for key in ("access", "refresh")})


def _lock_token(refresh: str) -> None:
    """Of two requests with one refresh token the second waits here, and then meets the blacklist."""
    jti = RefreshToken(refresh)["jti"]  # type: ignore[arg-type]  # the stubs want a Token where text is read
    OutstandingToken.objects.select_for_update().filter(jti=jti).first()


class SignOutView(OpenView):
    """Ends a refresh token; the access token ends by itself within minutes."""

    @extend_schema(request=RefreshSerializer, responses={204: None}, auth=[])
    def post(self, request: Request) -> Response:
        serializer = RefreshSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            RefreshToken(serializer.validated_data["refresh"]).blacklist()
        except TokenError:
            count_wrong_token(request, serializer.validated_data["refresh"])
            raise TokenInvalid from None
        return Response(status=204)


class ExactEmail(serializers.EmailField):
    """An e-mail address, as text only."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class ProfileSerializer(StrictSerializer, serializers.ModelSerializer[Any]):
    """A person as they see themselves."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    first_name = ExactText(max_length=150, allow_blank=True, required=False)
    last_name = ExactText(max_length=150, allow_blank=True, required=False)
    email = ExactEmail(max_length=254, allow_blank=True, required=False)
    serializer_field_mapping = WIRE_FIELDS

    class Meta:
        model = User
        fields = ("id", "username", "first_name", "last_name", "email", "date_joined")
        read_only_fields = ("username", "date_joined")


class ProfileView(APIView):
    """Who am I, among people; a device asks /v1/devices/me."""

    acts_in_device = False

    @extend_schema(responses=ProfileSerializer)
    def get(self, request: Request) -> Response:
        return Response(ProfileSerializer(_user(request)).data)

    @extend_schema(request=ProfileSerializer, responses=ProfileSerializer)
    def patch(self, request: Request) -> Response:
        user = _user(request)
        serializer = ProfileSerializer(user, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        actor: Any = request.auth
        written = update_profile(user, actor=actor, changes=serializer.validated_data)
        return Response(ProfileSerializer(written).data)


def _user(request: Request) -> User:
    caller: Any = request.user
    if not isinstance(caller, User):
        raise NotFound
    return caller
