from django.db import models


class Bought(models.Model):
    what = models.CharField(max_length=200)
