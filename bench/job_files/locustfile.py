"""The typical job as a locustfile."""

import csv
import os
import random
from pathlib import Path

from locust import FastHttpUser, constant, task

with Path(__file__).with_name("users.csv").open(encoding="ascii") as file:
    USERS = list(csv.DictReader(file))
HEADERS = {"Authorization": f"Bearer {os.environ['JOB_TOKEN']}"}


class Customer(FastHttpUser):
    """A user of Locust, who sends one order after the other."""

    host = os.environ["JOB_URL"]
    wait_time = constant(0)

    @task
    def order(self):
        """One order of a random user."""
        user = random.choice(USERS)
        body = {"name": user["name"], "email": user["email"], "quantity": random.randint(1, 5)}
        path = f"/users/{user['id']}/orders"
        with self.client.post(path, json=body, headers=HEADERS, name="order", catch_response=True) as response:
            if response.status_code != 200 or response.json()["ok"] is not True:
                response.failure("no order")
