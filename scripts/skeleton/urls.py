from django.urls import path

from features.app_name import views

urlpatterns = [
    path("app_name/", views.marks, name="app_name"),
    path("app_name/rooms/<int:room_id>/", views.marked, name="app_name_marked"),
    path("app_name/<int:message_id>/", views.mark, name="app_name_mark"),
]
