from fastapi.testclient import TestClient


def test_each_segment_gets_one_result_in_order(client: TestClient) -> None:
    segments = [{"id": "b", "text": "Peer support workers give hope."}, {"id": "a", "text": "Staff learn from them."}]
    answer = client.post("/v1/suggest", json={"codebook": "upsides", "segments": segments})
    assert answer.status_code == 200
    assert [result["id"] for result in answer.json()["results"]] == ["b", "a"]
