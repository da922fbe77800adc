package app

import (
	"encoding/json"
	"errors"
	"net/http"

	"drydock/aws"
)

// maxFault bounds the body of a fault.
const maxFault = 64 << 10

// injectFault has a service suffer a failure: POST /_drydock/fault/SERVICE/NAME with a JSON object of strings.
func (c *Cloud) injectFault(w http.ResponseWriter, r *http.Request) {
	arguments := map[string]string{}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxFault)).Decode(&arguments); err != nil {
		http.Error(w, "the body is no JSON object of strings", http.StatusBadRequest)
		return
	}
	for _, m := range c.Modules {
		fault := m.Faults[r.PathValue("name")]
		if m.API.Package != r.PathValue("service") || fault == nil {
			continue
		}
		err := fault(c.controlCall(r), arguments)
		if e, ok := errors.AsType[*aws.Error](err); ok {
			http.Error(w, e.Error(), http.StatusBadRequest)
		} else if err != nil {
			c.log.Error("fault", "service", m.API.Package, "name", r.PathValue("name"), "error", err)
			http.Error(w, "the fault could not be injected", http.StatusInternalServerError)
		} else {
			w.WriteHeader(http.StatusNoContent)
		}
		return
	}
	http.Error(w, "no such fault", http.StatusNotFound)
}
