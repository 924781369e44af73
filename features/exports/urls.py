from django.urls import path

from features.exports import views

urlpatterns = [
    path("rooms/<int:room_id>/export/", views.export, name="export"),
    path("rooms/<int:room_id>/export/state/", views.export_state, name="export_state"),
    path("rooms/<int:room_id>/export/file/", views.export_file, name="export_file"),
]
