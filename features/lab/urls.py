from django.urls import path

from features.lab import views

urlpatterns = [
    path("lab/", views.lab, name="lab"),
    path("lab/wake/", views.wake, name="lab_wake"),
    path("lab/cut/", views.cut, name="lab_cut"),
]
