"""Routes of devices and people, under /v1."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from devices.api import accounts, devices

router = SimpleRouter(trailing_slash=False)
router.register("devices", devices.DeviceViewSet, basename="device")

urlpatterns = [
    path("auth/token", accounts.SignInView.as_view(), name="auth-token"),
    path("auth/refresh", accounts.RefreshView.as_view(), name="auth-refresh"),
    path("auth/logout", accounts.SignOutView.as_view(), name="auth-logout"),
    path("auth/me", accounts.ProfileView.as_view(), name="auth-me"),
    path("devices/register", devices.RegisterView.as_view(), name="device-register"),
    path("devices/me", devices.MeView.as_view(), name="device-me"),
    path("devices/me/heartbeat", devices.HeartbeatView.as_view(), name="device-heartbeat"),
    path("devices/me/roll", devices.RollView.as_view(), name="device-roll"),
    path("devices/me/revoke", devices.RetireView.as_view(), name="device-revoke"),
    *router.urls,
]
