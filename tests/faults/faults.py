"""All kinds of faults."""
import fault_network
import fault_processes
import fault_storage
import fault_torn
import scenarios
from kinds import KINDS, Context

__all__ = ["KINDS", "Context", "fault_network", "fault_processes", "fault_storage", "fault_torn",
           "scenarios"]
