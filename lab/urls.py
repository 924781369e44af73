from django.urls import path

from lab import views

urlpatterns = [
    path("", views.lab, name="lab"),
    path("wake/", views.wake, name="lab_wake"),
    path("cut/", views.cut, name="lab_cut"),
]
