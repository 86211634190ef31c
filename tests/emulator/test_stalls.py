"""A fault that holds a request back: for which methods, and how one sees that a request waits."""

import threading

import requests

from deployer.emulator import Emulator


def test_a_fault_may_name_several_methods_and_tells_when_a_request_waits():
    with Emulator() as emulator:
        url = f"{emulator.url}/kibana/api/exception_lists"
        emulator.fault(path="exception_lists$", method="PUT|POST", kind="late", seconds=60, times=1)
        body = {"list_id": "x", "name": "x", "description": "x", "type": "detection"}
        answers = []

        def post():
            answers.append(requests.post(url, json=body, auth=("jo", "pw"), headers={"kbn-xsrf": "x"}, timeout=30))

        assert requests.get(url, params={"list_id": "x"}, auth=("jo", "pw"), timeout=10).status_code == 404
        assert not emulator.stalled(0.01)
        held = threading.Thread(target=post)
        held.start()
        assert emulator.stalled(10)
        # it has been carried out, and only its answer is held back
        assert requests.get(url, params={"list_id": "x"}, auth=("jo", "pw"), timeout=10).status_code == 200
        assert answers == []
        emulator.clear_faults()
        held.join(10)

    assert [answer.status_code for answer in answers] == [200]
    assert not held.is_alive()
