"""The way to the lab, for those who may see it."""

from django import template

from features.lab.access import may_see_lab

register = template.Library()
register.filter(may_see_lab)
