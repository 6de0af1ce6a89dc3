# The image of the API and of the worker: `python main.py` and `python worker.py`.
FROM python:3.12-slim

RUN useradd --create-home --uid 10001 krai
WORKDIR /app

# Dependencies first: they change less often than the code.
COPY requirements.txt .
RUN pip install --no-cache-dir --requirement requirements.txt

COPY main.py worker.py ./
COPY krai krai
COPY scripts/provision.py scripts/provision.py

# The data folder holds files in the making; with mode embedded it is the volume that keeps everything.
RUN install -d -o krai -g krai /data
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 KRAI_HOST=0.0.0.0 KRAI_DATA_DIR=/data
USER krai
EXPOSE 8080
CMD ["python", "main.py"]
