from django.urls import path

from chat import views

urlpatterns = [
    path("", views.home, name="home"),
    path("rooms/", views.rooms, name="rooms"),
    path("rooms/new/", views.room_new, name="room_new"),
    path("rooms/<int:room_id>/", views.room, name="room"),
    path("rooms/<int:room_id>/settings/", views.room_settings, name="room_settings"),
    path("rooms/<int:room_id>/join/", views.room_join, name="room_join"),
    path("rooms/<int:room_id>/leave/", views.room_leave, name="room_leave"),
    path("rooms/<int:room_id>/invite/", views.invite, name="invite"),
    path("rooms/<int:room_id>/people/", views.people, name="people"),
    path("rooms/<int:room_id>/people/add/", views.member_add, name="member_add"),
    path(
        "rooms/<int:room_id>/people/<int:member_id>/remove/",
        views.member_remove,
        name="member_remove",
    ),
    path("rooms/<int:room_id>/people/<int:member_id>/role/", views.member_role, name="member_role"),
    path("people/", views.directory, name="directory"),
    path("direct/", views.direct, name="direct"),
    path("invitations/<slug:token>/", views.invitation, name="invitation"),
    path("accounts/setup/", views.setup, name="setup"),
    path("accounts/login/", views.Login.as_view(), name="login"),
    path("accounts/logout/", views.Logout.as_view(), name="logout"),
    path("accounts/profile/", views.profile, name="profile"),
    path("accounts/password/", views.PasswordChange.as_view(), name="password_change"),
    path("favicon.ico", views.favicon, name="favicon"),
]
