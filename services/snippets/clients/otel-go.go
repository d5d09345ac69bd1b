// export OTEL_SERVICE_NAME=shop
// export OTEL_EXPORTER_OTLP_ENDPOINT=https://pulseops.example
// export OTEL_EXPORTER_OTLP_HEADERS=x-api-key=pol_YOUR_KEY
package main

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/sdk/log"
)

func main() {
	ctx := context.Background()
	exporter, err := otlploghttp.New(ctx) // reads the variables above
	if err != nil {
		panic(err)
	}
	provider := log.NewLoggerProvider(log.WithProcessor(log.NewBatchProcessor(exporter)))
	defer provider.Shutdown(ctx)

	slog.SetDefault(otelslog.NewLogger("shop", otelslog.WithLoggerProvider(provider)))
	slog.Info("Hello from Go", "user", "ada")
}
